"""The words and rules of PrimeHub, pure: no I/O, no clock, no web framework, no database, no engine."""
