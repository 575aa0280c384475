-- The same range of 100 keys through etcd's JSON gateway: "/services/bench-0000/" up to "/services/bench-00000".
wrk.method = "POST"
wrk.path = "/v3/kv/range"
wrk.headers["Content-Type"] = "application/json"

function init(args)
  wrk.body = '{"key":"L3NlcnZpY2VzL2JlbmNoLTAwMDAv","range_end":"L3NlcnZpY2VzL2JlbmNoLTAwMDAw","serializable":true}'
end
