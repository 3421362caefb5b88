"""Names stand for one thing each, and each reference finds it: what every other rule, and the plan, relies on."""
