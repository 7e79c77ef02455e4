"""Pictures of every page of the portal: a real platform filled with what a small company might have, and Chromium."""
