"""PrimeHub's database: the only package that knows SQLAlchemy. No network call happens inside a session."""
