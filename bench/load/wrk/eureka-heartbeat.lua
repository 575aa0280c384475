-- Heartbeats of 1024 instances in turn, made ready before. The second argument says whose: "java" has the query and the
-- headers of Netflix's client, "js" has neither. The names are those of instances.ts.
local requests, turn = {}, 0

function init(args)
  local query = ""
  wrk.headers["Content-Length"] = "0"
  if args[2] == "java" then
    query = "?status=UP&lastDirtyTimestamp=1700000000000"
    wrk.headers["DiscoveryIdentity-Name"] = "DefaultClient"
    wrk.headers["DiscoveryIdentity-Version"] = "1.4"
    wrk.headers["DiscoveryIdentity-Id"] = "10.0.0.1"
    wrk.headers["User-Agent"] = "Java-EurekaClient/v2.0.5"
    wrk.headers["Accept-Encoding"] = "gzip"
  else
    wrk.headers["Accept"] = "application/json"
  end
  for number = 0, 1023 do
    local name = string.format("%03d", number % 100)
    local path = "/eureka/apps/APP-" .. name .. "/h" .. number .. ".example.net:app-" .. name .. ":8080"
    requests[number] = wrk.format("PUT", path .. query)
  end
end

function request()
  turn = (turn + 1) % 1024
  return requests[turn]
end
