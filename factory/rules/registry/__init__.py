"""The registry of models: its doors, its store, its repositories."""
