-- Services of an agent with a check each, 100 to a name. The first argument sets the ids of the warm-up apart.
local parts, turn = {}, 0

function init(args)
  wrk.headers["Content-Type"] = "application/json"
  local body = '{"Name":"bench-@@@@@@@1","ID":"' .. args[1] .. '-@@@@@@@2","Address":"10.0.0.1","Port":8080,' ..
    '"Tags":["v1","read"],"Meta":{"cluster":"small","idc":"shanghai"},"Check":{"TTL":"1h","Status":"passing"}}'
  local request = wrk.format("PUT", "/v1/agent/service/register", nil, body)
  local name, id = string.find(request, "@@@@@@@1", 1, true), string.find(request, "@@@@@@@2", 1, true)
  parts = { string.sub(request, 1, name - 1), string.sub(request, name + 8, id - 1), string.sub(request, id + 8) }
end

function request()
  turn = turn + 1
  return parts[1] .. string.format("%08d", math.floor(turn / 100)) .. parts[2] .. string.format("%08d", turn) .. parts[3]
end
