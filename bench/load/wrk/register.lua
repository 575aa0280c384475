-- Registrations with an id of their own each. The first argument sets the ids of the warm-up apart,
-- the second is the length of the body: 250 bytes, like the values that etcd is given. A third sets the ids
-- of loads beside each other apart.
local head, foot, prefix, turn = "", "", "", 0

function init(args)
  local body = '{"address":"10.0.0.1","port":8080,"protocol":"http","tags":["v1","read"],"ttl":"1h",' ..
    '"version":"1.4.2","zone":"zone-a","meta":{"cluster":"small","idc":"shanghai","note":"'
  local missing = tonumber(args[2]) - #body - 3
  body = body .. string.rep("x", math.max(0, missing)) .. '"}}'
  wrk.headers["Content-Type"] = "application/json"
  local request = wrk.format("PUT", "/v2/default/services/bench-@@@@", nil, body)
  local at = string.find(request, "bench-@@@@", 1, true)
  head = string.sub(request, 1, at + 5)
  foot = string.sub(request, at + 10)
  prefix = args[1] .. (args[3] or "")
end

function request()
  turn = turn + 1
  return head .. math.floor(turn / 100) .. "/instances/" .. prefix .. turn .. foot
end
