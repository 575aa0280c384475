-- Lookups of topics in an order that looks like chance. The second argument says how many topics there are.
local requests, count, turn = {}, 0, 0

function init(args)
  count = tonumber(args[2])
  for number = 0, count - 1 do
    requests[number] = wrk.format("GET", "/lookup?topic=t" .. number)
  end
end

function request()
  turn = (turn + 617) % count
  return requests[turn]
end
