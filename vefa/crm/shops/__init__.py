"""What shop systems tell in their own words, brought into ours: one file a system."""
