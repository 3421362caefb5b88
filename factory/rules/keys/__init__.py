"""Where keys are kept, how they are sealed and how long they live."""
