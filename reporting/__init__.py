"""What comes of runs: histories, from them numbers, figures and files. No HTTP, and no SQL but to read histories."""
