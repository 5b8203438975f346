"""What became of it all, counted: reports for people, over the same tables that the engine works on."""
