"""From sound to a performance: mouth, gestures, and the motion that an animation follows."""
