"""The JSON, one module an audience: coordinators work with patients, clinics with protocols."""
