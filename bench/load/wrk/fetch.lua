-- One GET over and over: the arguments behind the first are the path, Accept and Accept-Encoding. What is encoded stays so.
function init(args)
  wrk.path = args[2]
  wrk.headers["Accept"] = args[3]
  wrk.headers["Accept-Encoding"] = args[4]
end
