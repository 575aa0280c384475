-- Heartbeats of 1024 instances in turn. The requests are made ready before, so that wrk has little to do.
local requests, turn = {}, 0

function init(args)
  wrk.headers["Content-Length"] = "0"
  for number = 0, 1023 do
    local service = string.format("bench-%04d", math.floor(number / 100))
    local path = "/v2/default/services/" .. service .. "/instances/i-" .. number .. "/heartbeat"
    requests[number] = wrk.format("POST", path)
  end
end

function request()
  turn = (turn + 1) % 1024
  return requests[turn]
end
