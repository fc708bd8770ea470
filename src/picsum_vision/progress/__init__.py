"""What a person sees while a job runs: counted by the tracker, shown as lines or in a notebook. A terminal's bar is in `cli`."""
