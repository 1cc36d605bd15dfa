// Stands in for ESP-IDF's: nothing that our files use comes from there.
