"""Numbers drawn: Plotly figures, sparklines, and the words beside them. Pure."""
