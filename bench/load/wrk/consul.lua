-- Registrations of Consul's catalog, a service of its own each and a hundred to a node; the arguments are those of
-- register.lua. Answered when Raft has it. Numbers have one length, so that the head of a request is made once.
local parts, prefix, turn = {}, "", 0

function init(args)
  prefix = args[1] .. (args[3] or "")
  local node, id = "@@@@@@@1", "@@@@@@@2"
  local body = '{"Node":"' .. prefix .. node .. '","Address":"10.0.0.1","Service":{"ID":"' .. prefix .. id ..
    '","Service":"bench-' .. node .. '","Address":"10.0.0.1","Port":8080,"Tags":["v1","read"],' ..
    '"Meta":{"cluster":"small","idc":"shanghai","note":"'
  local missing = tonumber(args[2]) - #body - 4
  body = body .. string.rep("x", math.max(0, missing)) .. '"}}}'
  wrk.headers["Content-Type"] = "application/json"
  local request = wrk.format("PUT", "/v1/catalog/register", nil, body)
  local at = 1
  while true do
    local found = string.find(request, "@@@@@@@", at, true)
    if found == nil then break end
    table.insert(parts, string.sub(request, at, found - 1))
    table.insert(parts, string.sub(request, found + 7, found + 7) == "1")
    at = found + 8
  end
  table.insert(parts, string.sub(request, at))
end

function request()
  turn = turn + 1
  local node, id = string.format("%08d", math.floor(turn / 100)), string.format("%08d", turn)
  local made = {}
  for nth, part in ipairs(parts) do
    if part == true then made[nth] = node elseif part == false then made[nth] = id else made[nth] = part end
  end
  return table.concat(made)
end
