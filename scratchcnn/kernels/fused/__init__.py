"""Operations that exist only for speed; each equals a composition of the primitive ones."""
