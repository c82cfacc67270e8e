"""conclave.yaml: providers, models and panels, loaded, checked and watched."""
