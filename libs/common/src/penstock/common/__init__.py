"""What two or more services need and no role owns."""
