"""The search for a better recipe: trials judged on dev parts, a winner judged on neither."""
