"""`nextcount demo`: fourteen days of four clinics in a temporary database, told in plain sentences."""
