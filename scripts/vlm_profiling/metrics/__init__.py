"""What each published figure is: its name, unit, column and definition."""
