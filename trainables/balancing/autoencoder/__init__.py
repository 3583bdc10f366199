"""DeepSMOTE: an autoencoder of all images, and SMOTE between the codes of one class."""
