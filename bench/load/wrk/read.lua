-- One service with all its instances.
wrk.path = "/v2/default/services/bench-0000"
