"""Pictures that report on a face set: contact sheets and the histogram of head poses."""
