"""What people see of a job that has run."""
