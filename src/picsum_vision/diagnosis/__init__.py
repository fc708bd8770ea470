"""What a machine, session or workspace lacks for a job, each with its remedy. Not `doctor`: that is the function's name."""
