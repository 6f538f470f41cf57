"""What every part of the service shares: settings, the job specification, tables, transitions, errors."""
