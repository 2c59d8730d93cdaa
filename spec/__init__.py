"""What must be true: claims, their scopes and their assumptions."""
