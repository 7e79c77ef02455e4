"""What tests share: databases, clocks, people, and the rule for parts that a machine may lack."""
