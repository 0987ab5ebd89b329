"""Arrays to pictures and Plotly figures; one palette for all pages."""
