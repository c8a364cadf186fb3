"""The one page: health of every service, prices, positions, orders."""
