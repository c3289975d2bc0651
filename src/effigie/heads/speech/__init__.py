"""A face that speaks: sound becomes the motion of mouth, jaw and cheeks, and head, lids and brows keep its rhythm."""
