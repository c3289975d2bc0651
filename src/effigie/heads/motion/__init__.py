"""Motion of a driver: read from a clip or a template, controlled, and retargeted to another face. Holds no pictures."""
