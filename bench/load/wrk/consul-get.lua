-- One path; it is the second argument.
function init(args)
  wrk.path = args[2]
end
