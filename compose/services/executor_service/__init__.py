"""Takes orders: asks risk-service, fills at the quote, keeps the books, tells the stream."""
