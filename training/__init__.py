"""How the embedded base model was taught to fill in the middle. The app imports none of it."""
