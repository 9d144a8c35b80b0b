"""One module a subcommand of `imagejudge`: `register(parser)` adds its arguments, `run(args)` returns the exit code."""
