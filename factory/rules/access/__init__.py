"""What people and delivery tools may do, standing or for a while."""
