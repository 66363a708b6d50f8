//! Inventory, diff, plan and apply of assets.
