"""What people see: one self-contained page a build, and a viewer over anything with rows."""
