"""An embedded Supabase for a laptop or CI without Docker (DESIGN §5)."""

from local.settings import StackSettings
from local.stack import Stack

__all__ = ["Stack", "StackSettings"]
