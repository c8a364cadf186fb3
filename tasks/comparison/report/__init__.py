"""The comparison for people elsewhere: a page, a pull-request comment, and JUnit."""
