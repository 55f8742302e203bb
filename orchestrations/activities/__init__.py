"""Activities: the only part of a saga that touches the world. Each is idempotent by saga and step."""
