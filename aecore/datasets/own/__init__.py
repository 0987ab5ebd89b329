"""What people bring: images, arrays and tables of their own."""
