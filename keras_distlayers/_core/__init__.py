"""What every part of the package stands on: parameters, shapes, linear algebra, errors."""
