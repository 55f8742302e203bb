"""What takes time: sagas, the activities they call, and the kit that undoes them."""
