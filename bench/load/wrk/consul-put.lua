-- Puts of 100 bytes to 1 000 keys in turn, each another value. The first argument sets the warm-up apart.
local head, foot, turn = {}, "", 0

function init(args)
  local request = wrk.format("PUT", "/v1/kv/bench/@@@@", nil, args[1] .. "########" .. string.rep("x", 88))
  local key, value = string.find(request, "@@@@", 1, true), string.find(request, "########", 1, true)
  head = { string.sub(request, 1, key - 1), string.sub(request, key + 4, value - 1) }
  foot = string.sub(request, value + 8)
end

function request()
  turn = turn + 1
  return head[1] .. string.format("%04d", turn % 1000) .. head[2] .. string.format("%08d", turn) .. foot
end
